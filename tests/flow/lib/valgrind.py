"""Every process of an instance under valgrind, when VALGRIND=1 is set; and what it found."""
import os
import re

ON = os.environ.get("VALGRIND") == "1"
COMMAND = ["valgrind", "-q", "--vgdb=no", "--error-exitcode=99", "--child-silent-after-fork=no", "--trace-children=yes", "--leak-check=full",
           "--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect", "--track-fds=yes"]

FINDING = re.compile(r"Invalid |uninitialised|overlap|are (definitely|indirectly) lost|Process terminat|Syscall param|Mismatched|silly arg")
OPEN = re.compile(r"==\d+== Open .*(?:\n==\d+==  .*)*")
BY_A_CHILD = re.compile(r"child_run \(spawn\.c")        # in its stack: opened by the child itself, not by the master


def prefix(folder):
    return [*COMMAND, f"--log-file={folder}/valgrind.%p"] if ON else []


def left_open(text, master):
    """Descriptors that a process opened itself and had at its end. Those it was started with are not its own."""
    blocks = [b for b in OPEN.findall(text) if "<inherited from parent>" not in b and "valgrind." not in b]
    return [b for b in blocks if master or BY_A_CHILD.search(b)]


def findings(folder, master):
    """Errors, lost blocks and descriptors left, by process. A process that was killed tells nothing of its end."""
    out = []
    for f in sorted(folder.glob("valgrind.*")):
        text = f.read_text(errors="replace")
        if FINDING.search(text):
            out.append(f"{f.name}:\n{text[:6000]}")
        out += [f"{f.name}: {b}" for b in left_open(text, f.name == f"valgrind.{master}")]
    return out
