"""Twenty requests, each with the same request in other words; written by hand for the tests."""

from __future__ import annotations

# ruff: noqa: E501
PAIRS = (
    (
        "Book a table for four at Luigi's on Friday at half past seven, by the window if they have one.",
        "I need a dinner reservation for four people this Friday, 7:30 in the evening, at Luigi's. A window seat would be lovely.",
    ),
    (
        "How much would 250 Swiss francs be in Japanese yen at today's rate?",
        "I've got 250 Swiss francs on me. What's that worth in Japanese yen right now?",
    ),
    (
        "Please cancel order 88213 and send the refund to my credit card.",
        "Order 88213 isn't needed any more. Call it off and put the money back on my credit card.",
    ),
    (
        "What will the weather be like in Bergen this weekend, and should I pack a raincoat?",
        "I'm off to Bergen on Saturday and Sunday. Any rain expected, or can the coat stay at home?",
    ),
    (
        "Add a dentist appointment to my calendar for 12 March at 9:15 and remind me an hour before.",
        "Could you put the dentist down for 9:15 on 12 March? I'd like a reminder sixty minutes ahead.",
    ),
    (
        "Find me a direct flight from Lisbon to Warsaw on 4 June that leaves before noon.",
        "I want to fly Lisbon to Warsaw on the morning of 4 June without changing planes.",
    ),
    (
        "Turn the bedroom lamp down to 20 percent and switch the hallway light off.",
        "Hallway light out, please, and dim the lamp in the bedroom to 20 percent.",
    ),
    (
        "Which films directed by Agnès Varda are available to stream in Canada?",
        "I live in Canada. What can I stream that Agnès Varda made?",
    ),
    (
        "Send Priya the minutes of yesterday's budget meeting and ask her to confirm by Thursday.",
        "Priya should get the notes from the budget meeting we had yesterday, and she needs to get back to us by Thursday.",
    ),
    (
        "Translate 'the early train has been cancelled' into Portuguese and Danish.",
        "How do you say 'the early train has been cancelled' in Danish and in Portuguese?",
    ),
    (
        "Calculate the monthly payment for a loan of 18,000 euros over five years at 4.2 percent.",
        "If I borrow 18,000 euros at 4.2 percent and pay it back across five years, what do I owe each month?",
    ),
    (
        "Play the album Blue Train by John Coltrane in the living room at low volume.",
        "Some John Coltrane in the living room, not too loud: put on Blue Train.",
    ),
    (
        "Reorder the cat litter that I bought in April, but two bags this time.",
        "That litter for the cat from April, get me the same once more, and make it two bags.",
    ),
    (
        "Show me all open tickets that are assigned to Marek and older than ten days.",
        "Which of Marek's tickets have been waiting for over ten days and aren't closed?",
    ),
    (
        "What is the shortest route on foot from the Rijksmuseum to Vondelpark?",
        "I'm walking from the Rijksmuseum over to Vondelpark. Which way is quickest?",
    ),
    (
        "Create a shared folder called Tax 2025 and give Helena permission to edit it.",
        "Helena needs to be able to edit things in a new shared folder. Name it Tax 2025.",
    ),
    (
        "Did Feyenoord win their last home match, and who scored?",
        "Tell me how the most recent Feyenoord game at home ended and who got the goals.",
    ),
    (
        "Log a run of 8.4 kilometres in 47 minutes for this morning.",
        "I ran 8.4 kilometres this morning and it took 47 minutes. Write that down for me.",
    ),
    (
        "Rename the project Nightingale to Kingfisher and archive its old milestones.",
        "The Nightingale project is called Kingfisher from now on. Put away the milestones that are done with.",
    ),
    (
        "Check whether the pharmacy on Elm Street is open on New Year's Day.",
        "Will I find the Elm Street pharmacy open on 1 January?",
    ),
)
