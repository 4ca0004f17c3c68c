"""Toolset construction (Tang et al. 2023, stages T0 to T6): a one-line description becomes a documented API.

seeds            T0      the directory of public APIs, drawn by quota
stages           T1-T5   introduction, functions, OpenAPI document, its repair, the server's address
rules            T4      what a document must keep besides being valid
documentation    T6      the text that describes the functions, by rule
"""
