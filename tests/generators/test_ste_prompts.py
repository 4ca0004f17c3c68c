"""STE's prompts as a model gets them. After a wanted change, delete a golden file and run the test twice."""

from explorer import CHAIN, exploration, explorer
from test_prompts import check


async def test_the_prompts_of_a_chain():
    model = explorer()
    chains = exploration(model, episodes=1, trials=2)
    kept = [one.trajectory for one in await chains.explore(CHAIN) if not one.code]
    await chains.multiply(CHAIN, kept)
    asked: dict[str, list] = {}
    for request in model.requests:
        asked.setdefault(request.purpose.removeprefix("ste."), []).append(request)
    check("ste-imagine-first", asked["imagine"][0])
    check("ste-imagine-next", asked["imagine"][1])
    check("ste-act-first", asked["act"][0])
    check("ste-act-next", asked["act"][2])
    check("ste-reflect", asked["reflect"][0])
    check("ste-filter", asked["filter"][0])
    check("ste-paraphrase", asked["paraphrase"][0])
    check("ste-paraphrase-again", max(asked["paraphrase"][:4], key=lambda one: len(one.messages)))
