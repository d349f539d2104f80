"""An HR system's export of people, as directory records.

    bytes -> text.py -> rows -> columns.py, words.py -> people.py -> records -> changes.py -> what to send

Rules: nothing here talks to Kafka. What is wrong is told by row number (the header is row 1, as a spreadsheet counts),
never by the person's id, for it may end in a log.
"""
