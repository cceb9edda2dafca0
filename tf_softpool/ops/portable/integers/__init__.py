"""Forms for a runtime that computes in 8-bit integers: LiteRT, after `tf_softpool.export(quantize="int8")`.

A tensor of such a graph has 255 steps across the range that its numbers had on some sample data. So these
forms keep the range of every tensor small: weights lie between 0 and 2, and averages are of distances from
the window's maximum or mean. They have only operations that LiteRT has in 8 bits. It has no negation and no
power, lets floats into a branch and out of it, and ends the process at a division by what rounds to zero.

TensorFlow looks at an operation's inputs after it has run, to find their ranges. By then, the result of a
product, sum or difference may lie where an input was: the first one that nothing else uses and that has as
many numbers. So a first factor has a range that is as large as the product's, or is used twice.

Infinities and NaN have no place in such a graph.
"""
