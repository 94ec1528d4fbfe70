"""IAM as the local cloud decides it: what a policy says (pure), who calls, and what is asked."""
