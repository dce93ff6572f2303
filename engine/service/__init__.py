"""LIVING AS A PROCESS: what is due is started, hooks are answered, people are told, and shown what they can mend."""
