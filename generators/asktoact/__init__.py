"""AskToAct: take parameters out of verified requests, and learn to ask for them."""
