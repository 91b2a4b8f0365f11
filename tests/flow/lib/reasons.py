"""The closed list of reason tokens, read from the table the program is built from."""
import re

from .proxy import TOP


def tokens():
    text = (TOP / "conf/http/reason_tbl.h").read_text()
    return {t: int(s) for t, s in re.findall(r'^REASON\(R_\w+, "([^"]+)", (\d+),', text, re.M)}
