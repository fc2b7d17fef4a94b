"""What continuous integration reads of an invocation: each form one function from verdicts to
text.
"""
