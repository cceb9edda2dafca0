"""Forms in standard operations that are quick and right for ordinary numbers, and that notice other numbers.

Each form returns a `Quick`: a result, and whether it is right. If it is not, the exact form takes its place:
in the graph of an export, the runtime chooses. So all numbers get what the exact form gives, and only the
time differs.
"""
