"""Requests, each with the same request in other words; written by hand for the tests.

The cosines of `callwright.leaks.finding` were chosen on the first twenty; the other twenty were written afterwards.
"""

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

LATER = (
    (
        "Move my 3 pm call with the Osaka office to Wednesday at ten.",
        "The call with Osaka that's in my diary for 3 pm should be on Wednesday at ten instead.",
    ),
    (
        "How many steps did I walk between 1 and 14 October?",
        "Give me my step total for the first two weeks of October.",
    ),
    (
        "Upload the contract draft to the legal folder and let Ms Ferreira know.",
        "Put the draft contract where legal keeps its files and tell Ms Ferreira that it's there.",
    ),
    (
        "Is flight KL1234 on time, and from which gate does it leave?",
        "What's the gate for KL1234, and has it been delayed?",
    ),
    (
        "Charge invoice 5521 to the marketing budget, not to sales.",
        "Invoice 5521 belongs to marketing. Take it off the budget of sales.",
    ),
    (
        "Order a vegetarian pizza and two lemonades to 14 Harbour Road.",
        "I'm at 14 Harbour Road. Please send a pizza without meat and two lemonades.",
    ),
    (
        "What did the Nikkei close at last Friday?",
        "Tell me the Nikkei's closing level from Friday of last week.",
    ),
    (
        "Remind me to water the ferns every third day at eight in the morning.",
        "The ferns need water every third day. Nudge me about it at 8 am.",
    ),
    (
        "Find a podcast episode about the history of lighthouses that is shorter than 40 minutes.",
        "I have under 40 minutes: which podcast tells how lighthouses came to be?",
    ),
    (
        "Delete all photos from the Tallinn album that are blurred.",
        "Get rid of the unsharp pictures in the album called Tallinn.",
    ),
    (
        "Convert 3.5 miles into kilometres and round to one decimal.",
        "3.5 miles is how many kilometres? One digit after the point is enough.",
    ),
    (
        "Book a double room in Ghent from 2 to 5 August with breakfast.",
        "We're two and need somewhere to sleep in Ghent, 2 to 5 August, breakfast included.",
    ),
    (
        "Who is on call for the payments service tonight?",
        "If payments goes down tonight, which engineer gets paged?",
    ),
    (
        "Open a pull request from branch fix-login into main and ask Tomasz for a review.",
        "Tomasz should review fix-login: make a pull request for it against main.",
    ),
    (
        "What are the side effects of taking ibuprofen together with lisinopril?",
        "I'm on lisinopril. Is anything known to happen if I take ibuprofen with it?",
    ),
    (
        "Set the thermostat in the nursery to 19.5 degrees until six tomorrow.",
        "Until six tomorrow the nursery should be kept at 19.5 degrees.",
    ),
    (
        "Split the dinner bill of 142.80 equally between seven people with a tip of 10 percent.",
        "Seven of us had dinner for 142.80. With 10 percent on top, what does each one pay?",
    ),
    (
        "Look up the phone number of the town library in Kirkwall and text it to Morag.",
        "Morag wants to ring the library in Kirkwall. Text her its number.",
    ),
    (
        "Unsubscribe me from the Garden Weekly newsletter and delete its old issues.",
        "No more Garden Weekly for me: stop the mails and throw away those that I have.",
    ),
    (
        "Which trains go from Leipzig to Prague on Sunday after 4 pm?",
        "I'd like to take a train on Sunday, later than 4 pm, Leipzig to Prague. What is there?",
    ),
)
