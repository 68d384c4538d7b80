"""The language in which lists are filtered: `state:running tag:cnn best>0.97 name~digits`.

`tokens` reads text into terms and knows no field; `values` reads what terms compare with. Which fields there are, and
what they mean in SQL, is said beside the query that uses them.
"""
