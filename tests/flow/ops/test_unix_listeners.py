"""UNIX listeners: who may connect, what they are called, and the life of the socket's name."""
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, PROXYD, Proxy, wait_for

GET = b"GET /u HTTP/1.1\r\nHost: a.test\r\n\r\n"
V1 = b"PROXY TCP4 198.51.100.7 198.51.100.8 4711 80\r\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "web.sock"


def listener(path, name="local", **more):
    return {"name": name, "bind": [f"unix:{path}"], **more}


def reverse(origin, *listeners, **extra):
    return config.reverse(0, origin.address, listeners=list(listeners), **extra)


def last(origin):
    return origin.requests[-1]


def refused(path):
    try:
        Client(path).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return True
    return False


def test_a_request_over_a_unix_socket(launch, origin, path):
    proxy = launch(reverse(origin, listener(path), process={"workers": 2}), "plain")
    assert get(path, "/u").status == 200
    assert last(origin).all("X-Forwarded-For") == ["unknown"], last(origin)
    row = proxy.records(lambda r: r["target"] == "/u")[0]
    assert row["client"] == "unix:" and row["listener"] == "local", row
    assert "unix: " in proxy.ctl("log", "-n", "1").stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_the_client_may_not_say_who_it_is(launch, origin, path, tmp_path):
    """Neither by a header nor by the name of its own end."""
    launch(reverse(origin, listener(path)), "claims")
    with Client(path, source=str(tmp_path / "c\r\nX-Evil: 1")) as c:
        assert c.request(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")).status == 200
    assert last(origin).all("X-Forwarded-For") == ["unknown"] and last(origin).get("X-Evil") is None


def test_a_trusted_proxy_over_a_unix_socket_is_believed(launch, origin, path):
    launch(reverse(origin, listener(path, trusted_proxies=["unix"])), "trusted")
    assert get(path, "/u", fields=["X-Forwarded-For: 192.0.2.7"]).status == 200
    assert last(origin).get("X-Forwarded-For") == "192.0.2.7, unknown"


def test_a_proxy_header_over_a_unix_socket(launch, origin, path):
    launch(reverse(origin, listener(path, proxy_protocol=["unix"])), "pp")
    with Client(path) as c:
        assert c.request(V1 + GET, "GET").status == 200
    assert last(origin).get("X-Forwarded-For") == "198.51.100.7"
    with Client(path) as c:
        c.send(GET)
        assert c.end() in ("fin", "rst")


def test_connections_are_counted_by_the_client_that_a_proxy_header_tells(launch, origin, tmp_path):
    plain, told = tmp_path / "plain", tmp_path / "told"
    launch(reverse(origin, listener(plain, "plain", max_per_client=1),
                   listener(told, "told", max_per_client=1, proxy_protocol=["unix"])), "counted")
    with Client(plain) as a, Client(plain) as b:
        assert [x.request(GET).status for x in (a, b)] == [200, 200]
    with Client(told) as a, Client(told) as b, Client(told) as c:
        assert a.request(V1 + GET, "GET").status == 200
        b.send(V1 + GET)
        r = b.response()
        assert r.status == 429 and r.closing and b.end() == "fin", r
        assert c.request(V1.replace(b".7 ", b".9 ") + GET, "GET").status == 200

    def again():
        with Client(told) as c:
            c.send(V1 + GET)
            return c.response().status == 200
    wait_for(again)


def test_policy_of_a_forward_proxy(launch, origin, tmp_path):
    """A local process is no client "on loopback": only a rule that names unix, or everybody, lets it pass."""
    ask = f"GET http://{origin.address}/u HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    got = {}
    for name, rules, acls in (
            ("shipped", None, {}),
            ("networks", [{"id": "n", "allow": True, "all": ["ip"], "open": ["127.0.0.0/8"]}], {"ip": {"src": ["0.0.0.0/0", "::/0"]}}),
            ("unix", [{"id": "u", "allow": True, "all": ["local"], "open": ["127.0.0.0/8"]}], {"local": {"src": ["192.0.2.0/24", "unix"]}})):
        conf = config.forward(0, acls=acls, listeners=[listener(tmp_path / name)])
        conf["rules"] = rules
        launch({k: v for k, v in conf.items() if v is not None}, name)
        with Client(tmp_path / name) as c:
            got[name] = c.request(ask).status
    assert got == {"shipped": 403, "networks": 403, "unix": 200}


def test_one_queue_is_served_while_a_worker_dies(launch, origin, path):
    proxy = launch(reverse(origin, listener(path), process={"workers": 2}), "death")
    proxy.deaths_expected = True
    done, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            with Client(path) as c:
                c.send(GET)
                try:
                    done.append(c.response().status)
                except Exception:
                    done.append(0)          # the dead worker's own
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        pid = proxy.worker_pids()[0]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in proxy.worker_pids() and len(proxy.worker_pids()) == 2)
        n = len(done)
        wait_for(lambda: len(done) > n + 20)
    stop.set()
    for t in threads:
        t.join(10)
        assert not t.is_alive(), "a connection waits in a queue that nobody serves"
    assert done.count(0) <= 12 and set(done) <= {0, 200}, done.count(0)


def test_reload_adds_drops_and_dresses(launch, origin, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    proxy = launch(reverse(origin, listener(first)), "reload")
    proxy.deaths_expected = True
    origin.on("/slow", [0.5, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"])
    proxy.write(reverse(origin, listener(second, unix_mode="0600"), listener(first, "old", unix_mode="0606")))
    proxy.ctl("reload", check=True)
    assert get(first, "/u").status == get(second, "/u").status == 200
    assert [stat.S_IMODE(x.stat().st_mode) for x in (first, second)] == [0o606, 0o600]
    with Client(first) as c:
        c.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        proxy.write(reverse(origin, listener(second, unix_mode="0600")))
        proxy.ctl("reload", check=True)
        assert c.response().body == b"slow"
    wait_for(lambda: refused(first) and not first.exists(), 8)
    assert get(second, "/u").status == 200


def test_stop_takes_the_name_away_and_a_killed_one_is_replaced(scratch, origin, path):
    proxy = Proxy(scratch / "unix-killed", reverse(origin, listener(path)), name="killed").start()
    proxy.kill()
    wait_for(lambda: refused(path))         # the last child to die held the socket too
    assert path.exists()
    proxy.start()
    assert get(path, "/u").status == 200
    proxy.stop()
    assert not path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="giving files away needs root")
def test_owner(launch, origin, path):
    launch(reverse(origin, listener(path, unix_owner="nobody:nogroup", unix_mode="0600")), "owner")
    st = path.stat()
    assert st.st_uid != 0 and st.st_gid != 0 and stat.S_IMODE(st.st_mode) == 0o600


def start_fails(tmp_path, origin, bind, **more):
    p = Proxy(tmp_path / "fails", reverse(origin, {"name": "l", "bind": [bind], **more}))
    r = subprocess.run([str(PROXYD), "-f", "-c", str(p.file)], capture_output=True, text=True, timeout=10)
    assert r.returncode != 0
    return r.stderr


def test_what_is_no_socket_stays(tmp_path, origin, path):
    path.write_text("precious")
    assert "something else than a socket" in start_fails(tmp_path, origin, f"unix:{path}")
    assert path.read_text() == "precious"


def test_another_programs_socket_stays(tmp_path, origin, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
        assert "another program does" in start_fails(tmp_path, origin, f"unix:{path}")
        assert not refused(path)


def test_no_directory(tmp_path, origin):
    assert "its directory does not exist" in start_fails(tmp_path, origin, f"unix:{tmp_path}/none/s")


def test_a_path_too_long_is_told_by_check(tmp_path, origin):
    p = Proxy(tmp_path / "long", reverse(origin, listener("/tmp/" + "x" * 120)))
    r = subprocess.run([str(PROXYCTL), "check", str(p.file)], capture_output=True, text=True)
    assert r.returncode == 1 and "socket path longer than 107 bytes" in r.stdout + r.stderr, r


def test_a_free_port_beside_it(launch, origin, path):
    port = free_port()
    conf = reverse(origin, {"name": "both", "bind": [f"127.0.0.1:{port}", f"unix:{path}"]})
    proxy = launch(conf, "both")
    assert get(port, "/u").status == get(path, "/u").status == 200
    assert proxy.status()["listeners"][0]["bind"] == [f"127.0.0.1:{port}", f"unix:{path}"]


def test_an_abstract_name_is_listened_on_and_survives_a_reload(launch, origin):
    name = f"proxyd-listen-{os.getpid()}"

    def ask():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect("\0" + name)
            s.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            return s.recv(4096)[:12]
    proxy = launch(reverse(origin, listener("@" + name), process={"workers": 2}), "abstract")
    assert [ask() for _ in range(4)] == [b"HTTP/1.1 200"] * 4
    assert proxy.reload().returncode == 0
    assert ask() == b"HTTP/1.1 200"
    assert proxy.records(lambda r: r["target"] == "/u")[0]["client"] == "unix:"
    proxy.stop()
    with pytest.raises(ConnectionRefusedError):
        ask()


def test_an_abstract_name_in_use_is_told(tmp_path, origin):
    name = f"proxyd-taken-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0" + name)
        s.listen()
        f = tmp_path / "p.conf"
        f.write_text(config.text(reverse(origin, listener("@" + name), process={"admin_socket": str(tmp_path / "a")})))
        r = subprocess.run([PROXYD, "-f", "-c", f], capture_output=True, text=True, timeout=20)
        assert r.returncode != 0 and f"cannot listen on unix:@{name}: another program does" in r.stderr, r
