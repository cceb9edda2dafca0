"""What is to become of poolings: kinds, rules, selection, plan, report. It knows no model and no graph."""
