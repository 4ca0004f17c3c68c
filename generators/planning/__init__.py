"""What is asked for, with which calls, and how it is said: plans that are executed before they are worded.

Shared by the rooms of the methods, which do not see each other.
"""
