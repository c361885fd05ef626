"""The programs that type checkers read are not collected: importing them registers classes, or fails on purpose."""

collect_ignore = ["user_code.py", "wrong_code.py"]
