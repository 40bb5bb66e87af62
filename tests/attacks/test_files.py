"""Reading and writing what is not the program's: the user's files, the machine's, the harness's."""

from __future__ import annotations

import pytest

from ratchet.sandbox.protocol import End, Program, Sandbox
from tests.attacks.attack import BLOCKED, Attack, Host, assault, attack

READ = "def attack(host):\n    return tries({})"
PROC = """
    def attack(host):
        return [p for p in ('1', 'self', str(os.getppid()), str(host['host']), str(host['victim']))
                if {}]
    """
ATTACKS = (
    attack("read", READ.format("lambda: open(host['file']).read()"), control=True),
    attack("list", READ.format("lambda: os.listdir(host['folder'])"), control=True),
    attack("stat", READ.format("lambda: os.stat(host['file'])"), control=True),
    attack("write", READ.format("lambda: open(host['file'], 'w').write('x')")),
    attack("append", READ.format("lambda: open(host['file'], 'a').write('x')")),
    attack("create", READ.format("lambda: open(host['folder'] + '/new', 'w').write('x')")),
    attack("remove", READ.format("lambda: (os.remove(host['file']), 1)")),
    attack("rename", READ.format("lambda: (os.rename(host['file'], host['file'] + '2'), 1)")),
    attack("chmod", READ.format("lambda: (os.chmod(host['file'], 0), 1)")),
    attack("truncate", READ.format("lambda: (os.truncate(host['file'], 0), 1)")),
    attack(
        "through_a_symbolic_link",
        READ.format(
            "lambda: (os.symlink(host['file'], 'link'), open('link').read()), "
            "lambda: (os.symlink(host['folder'], 'up'), os.listdir('up'))"
        ),
        control=False,
    ),
    attack(
        "through_a_hard_link",
        READ.format("lambda: (os.link(host['file'], 'hard'), open('hard').read())"),
    ),
    attack(
        "up_and_out",
        """
        def attack(host):
            up = '../' * 40
            for _ in range(40):
                try: os.chdir('..')
                except OSError: break
            return tries(
                lambda: open(up + host['file']).read(),
                lambda: open(host['file'].lstrip('/')).read(),
            )
        """,
        control=True,
    ),
    attack(
        "through_an_open_folder",
        """
        def attack(host):
            got = []
            for fd in range(0, 256):
                got += tries(lambda: os.open(host['file'].lstrip('/'), os.O_RDONLY, dir_fd=fd))
            return got
        """,
    ),
    attack(
        "inherited_files",
        """
        import stat
        def attack(host):
            got = []
            for fd in range(3, 256):
                try: mode = os.fstat(fd).st_mode
                except OSError: continue
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
                    got += tries(lambda: os.readlink(f'/proc/self/fd/{fd}'), lambda: fd)
            return got
        """,
    ),
    attack("environment_of_others", PROC.format("tries(lambda: host['folder'] and "
           "b'RATCHET_TOKEN' in open(f'/proc/{p}/environ', 'rb').read() or 1 / 0)"), control=True),
    attack("root_of_others", PROC.format("tries(lambda: open(f'/proc/{p}/root' + "
           "host['file']).read())"), control=True),
    attack("folder_of_others", PROC.format("tries(lambda: open(f'/proc/{p}/cwd/canary').read())"),
           control=True),
    attack("memory_of_others", PROC.format("p != 'self' and tries(lambda: "
           "open(f'/proc/{p}/mem', 'rb'), lambda: open(f'/proc/{p}/maps').read())"), control=True),
    attack(
        "passwords",
        READ.format("lambda: open('/etc/passwd').read(), lambda: open('/etc/shadow').read(), "
                    "lambda: open('/etc/hostname').read(), lambda: open('/etc/machine-id').read()"),
        control=True,
    ),
    attack(
        "keys",
        READ.format("lambda: open(host['home'] + '/.ssh/id_ed25519').read(), "
                    "lambda: open(host['home'] + '/.netrc').read(), "
                    "lambda: os.listdir(os.path.expanduser('~/.ssh')), "
                    "lambda: os.listdir('/root/.ssh')"),
        control=True,
    ),
    attack(
        "source_of_the_project",
        READ.format("lambda: open(host['root'] + '/ratchet/__init__.py').read(), "
                    "lambda: os.listdir(host['root'] + '/tests'), "
                    "lambda: __import__('ratchet').__file__"),
        control=True,
    ),
    attack(
        "this_test",
        READ.format("lambda: open(host['root'] + '/tests/attacks/test_files.py').read()"),
        control=True,
    ),
    attack(
        "interpreter",
        READ.format("lambda: open(os.__file__, 'a'), "
                    "lambda: open(sys.executable, 'r+b')"),
    ),
    attack(
        "system_folders",
        """
        def attack(host):
            got = []
            for place in (
                '/', '/usr', '/usr/bin', '/usr/lib', '/etc', '/var', '/var/tmp', '/run', '/opt',
                '/sys', '/proc', '/boot', '/root', '/home',
            ):
                name = place + '/ratchet_attack'
                got += tries(lambda: (open(name, 'x'), os.remove(name)))
            return got
        """,
    ),
    attack(
        "kernel_files",
        READ.format("lambda: open('/proc/sys/kernel/core_pattern', 'w'), "
                    "lambda: open('/proc/sysrq-trigger', 'w'), "
                    "lambda: open('/sys/kernel/uevent_helper', 'w'), "
                    "lambda: open('/sys/fs/cgroup/cgroup.procs', 'w'), "
                    "lambda: open('/proc/kcore', 'rb').read(1), lambda: open('/dev/mem', 'rb')"),
    ),
    attack(
        "devices",
        """
        def attack(host):
            fine = {
                'null', 'zero', 'full', 'random', 'urandom', 'tty', 'shm', 'pts', 'ptmx', 'fd',
                'stdin', 'stdout', 'stderr',
            }
            more = [n for n in tries(lambda: ' '.join(os.listdir('/dev'))) for n in n.split()]
            made = tries(lambda: (os.mknod('disk', 0o60600, os.makedev(8, 0)), open('disk')),
                         lambda: (os.mknod('mem', 0o20600, os.makedev(1, 1)), open('mem')))
            opened = [n for n in more if n not in fine and tries(lambda: open('/dev/' + n, 'rb'))]
            return made + opened
        """,
    ),
    attack(
        "fill_the_disk",
        """
        def attack(host):
            got = 0
            block = b'x' * 2**16
            for place in ('.', '/tmp', '/dev/shm'):
                here = 0
                for i in range(64):
                    try:
                        with open(f'{place}/f{i}', 'wb', 0) as f:
                            for _ in range(64): here += f.write(block)
                    except OSError: pass
                got = max(got, here)
            return got > 5 * 2**20 and [got]
        """,
        *BLOCKED, End.TIMEOUT, End.OUTPUT, End.MEMORY, cpu_s=3.0,
    ),
    attack(
        "sparse_file",
        """
        def attack(host):
            with open('sparse', 'wb') as f:
                f.truncate(2**40)
            return [os.path.getsize('sparse')]
        """,
    ),
    attack(
        "many_files",
        """
        def attack(host):
            n = 0
            try:
                while n < 200_000:
                    os.close(os.open(f'n{n}', os.O_CREAT)); n += 1
            except OSError: pass
            return n >= 200_000 and [n]
        """,
        *BLOCKED, End.TIMEOUT, End.OUTPUT, cpu_s=1.0,
    ),
    attack(
        "deep_folders",
        """
        def attack(host):
            for _ in range(1500):
                os.mkdir('d')
                os.chdir('d')
            return []
        """,
        *BLOCKED, End.TIMEOUT, End.OUTPUT,
    ),
    attack(
        "names_and_modes",
        """
        def attack(host):
            for name in (b'\\xff\\n\\x1b[0m', b'-rf', b' ', b'x' * 255): os.mkdir(name)
            os.mkdir('shut')
            open('shut/in', 'w').close()
            os.chmod('shut', 0)
            os.mkfifo('fifo')
            os.symlink('loop', 'loop')
            os.symlink('/', 'slash')
            os.chmod('.', 0)
            return []
        """,
    ),
    attack(
        "root_owned_trap",
        """
        def attack(host):
            open('x', 'w').close()
            got = tries(lambda: (os.chmod('x', 0o4755), os.chown('x', 0, 0)))
            try: real = open('/proc/self/uid_map').read().split()[1]
            except OSError: return []
            return real == '0' and got
        """,
    ),
    attack(
        "fifo_for_the_host",
        """
        def attack(host):
            for name in ('result', 'stdout', 'out'):
                if os.path.exists(name): os.remove(name)
                os.mkfifo(name)
            return []
        """,
    ),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_reaches_nothing(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)


def test_nothing_of_one_run_is_there_in_the_next(sandbox: Sandbox, host: Host) -> None:
    leave = """
        def attack(host):
            for place in ('.', '/tmp', '/dev/shm', '/var/tmp'):
                tries(lambda: open(place + '/left', 'w').write('x'))
            return []
        """
    look = """
        def attack(host):
            return [p for p in ('.', '/tmp', '/dev/shm', '/var/tmp')
                    if os.path.exists(p + '/left')]
        """
    for source in (leave, look, leave, look):
        assault(sandbox, host, attack("left", source, End.OK))


def test_files_given_to_a_program_are_copies(sandbox: Sandbox, host: Host) -> None:
    files = {"data.txt": b"one"}
    source = (
        "def f():\n    old = open('data.txt').read()\n    open('data.txt', 'w').close()\n"
        "    return old"
    )
    for _ in range(2):
        outcome = sandbox.run(Program(source, "f"), [()], files)
        assert outcome.results[0].value == "one"
    assert files == {"data.txt": b"one"}
    host.check()
