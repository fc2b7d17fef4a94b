"""What continuous integration reads of an invocation: one function from verdicts to text a form."""
