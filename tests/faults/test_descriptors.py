"""No descriptors left, in the process or in the machine: F7 of SECURITY.md 3."""
import socket
import subprocess
import time

from tests.faults.lib.rig import BIN, Rig, modes
from tests.faults.lib.size import pick
from tests.faults.lib.sockets import clients_of, cpu_s
from tests.flow.lib.proxy import PROXYCTL, wait_for

NOFILE = 256
REFUSING = ("status", "reset", "raced", "refused", "cut")


def full(page, yes):
    """In place: processes have it mapped."""
    with open(page, "r+b") as f:
        f.write(bytes([yes]))


def request(r, n):
    host = "a.test" if r.mode == "reverse" else r.origin.address
    target = f"/f/1/{n}" if r.mode == "reverse" else f"http://{host}/f/1/{n}"
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def wait_at(r, n):
    """A client that asks for n bytes and does not read them; the kernel may have taken it, the proxy need not."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    s.settimeout(2)
    s.connect(("127.0.0.1", r.port))
    s.sendall(request(r, n))
    return s


def serves(r, within):
    """Seconds until the proxy answers a new connection properly."""
    begin = time.monotonic()

    def answered():
        """a request is answered"""
        try:
            with socket.create_connection(("127.0.0.1", r.port), 1) as s:
                s.settimeout(1)
                s.sendall(request(r, 10))
                return s.recv(100).startswith(b"HTTP/1.1 200")
        except OSError:
            return False
    wait_for(answered, within, 0.01)
    return time.monotonic() - begin


@modes("reverse")
def test_f7_without_descriptors_nobody_spins_and_all_recover(scratch, mode, figure):
    """One worker with 256 of them; more clients than that keep their connections and ask, then only keep them."""
    r = Rig(scratch / f"f7-emfile-{mode}", mode, workers=1, prefix=["prlimit", f"--nofile={NOFILE}:{NOFILE}"],
            process={"connections": NOFILE - 50}, timeouts={"keepalive": "30s"})
    try:
        with r.load(rate=0, conns=20) as warm:
            time.sleep(pick(1.5, 5))
        assert not warm.book.failed(), warm.book.failed()[:5]
        r.capacity = len(warm.book.rows) / (warm.end - warm.begin)
        with r.load(conns=20) as load:
            time.sleep(1)
        r.before = None
        pid = r.proxy.worker_pids()[0]
        with r.load(conns=200, T=5) as crowd:
            time.sleep(pick(4, 20))
        answered = [f for f in crowd.book.of("ok")]
        hit = crowd.book.of(*REFUSING)
        assert hit, "nobody was refused: this showed nothing"
        assert len(answered) > 50, crowd.book.count()
        assert not crowd.book.of("stuck"), crowd.book.of("stuck")[:5]

        # every client wants what it does not read: that holds a connection to the origin too, until there is no descriptor
        held = [wait_at(r, 4 << 20) for _ in range(400)]
        time.sleep(2.5)                                     # what fits into the kernel's buffers has come
        before, at = cpu_s(pid), time.monotonic()
        time.sleep(pick(2, 10))
        spin = (cpu_s(pid) - before) / (time.monotonic() - at)
        with_clients = len(clients_of(pid, r.port))
        for s in held:
            s.close()
        recovery = serves(r, 5)
        told = r.origin.ledger()
        assert told["twice"] == told["corrupted"] == 0, told
        assert not [f for b in (load.book, crowd.book) for f in b.of("wrong", "crossed", "short", "malformed")]
        assert r.proxy.worker_pids() == [pid], "the worker died"
        assert "out of descriptors" in r.proxy.log(), "there were always some: this showed nothing"
        figure(f"F7 EMFILE {mode}: NOFILE {NOFILE}, {len(answered)} answered, {len(hit)} refused ({crowd.book.count()}); 400 clients wait, "
               f"{with_clients} are taken: {spin * 100:.1f} % of a core; served {recovery * 1e3:.0f} ms behind their end")
        assert spin < 0.1 and recovery <= 1
    finally:
        r.stop()


@modes("forward")
def test_f7_without_descriptors_in_the_machine_nobody_spins_and_all_recover(scratch, mode, figure):
    """tests/faults/src/enfile.c makes accept4, socket and pipe2 fail by ENFILE while a page says so."""
    page = scratch / f"f7-{mode}.page"
    page.write_bytes(bytes(4096))
    page.chmod(0o666)
    env = {"LD_PRELOAD": str(BIN / "enfile.so"), "ENFILE_PAGE": str(page)}
    r = Rig(scratch / f"f7-enfile-{mode}", mode, env=env, timeouts={"keepalive": "5s"})
    try:
        r.warm()
        pids, windows = [r.proxy.pid, *r.proxy.worker_pids()], []
        with r.load(k=5) as load:
            time.sleep(1)
            for _ in range(pick(1, 5)):
                begin = time.monotonic()
                full(page, 1)
                time.sleep(pick(2, 5))
                full(page, 0)
                windows.append((begin, time.monotonic()))
                time.sleep(pick(2, 5))
        assert "out of descriptors" in r.proxy.log(), "nothing was missing: this showed nothing"
        hit = load.book.of(*REFUSING)                       # few: who waits in the listener's queue is taken later
        outside = [f for f in hit if not any(b <= f.at <= e + 1 for b, e in windows)]
        late = max([f.at - e for f in hit for b, e in windows if b <= f.at <= e + 1.0], default=0)
        assert not outside, outside[:5]

        # and nothing but waiting clients
        full(page, 1)
        held = [wait_at(r, 10) for _ in range(200)]
        admin = subprocess.Popen([PROXYCTL, "-s", r.proxy.socket, "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        before, at = {p: cpu_s(p) for p in pids}, time.monotonic()
        time.sleep(pick(2, 10))
        spin = max(cpu_s(p) - n for p, n in before.items()) / (time.monotonic() - at)
        full(page, 0)
        recovery = serves(r, 5)
        assert b"LISTENER" in admin.communicate(timeout=5)[0], "who waited at the admin socket waits for ever"
        for s in held:
            s.close()
        assert [r.proxy.pid, *r.proxy.worker_pids()] == pids, "a process died"
        figure(f"F7 ENFILE {mode}: {len(windows)} times, {len(hit)} of {len(load.book.rows)} failed meanwhile "
               f"({load.book.count()}), the last {late * 1e3:.0f} ms behind; {spin * 100:.1f} % of a core with 200 waiting; "
               f"served {recovery * 1e3:.0f} ms behind its end; {r.judge(load.book)}")
        assert spin < 0.1 and recovery <= 1 and late <= 1
    finally:
        r.stop()
