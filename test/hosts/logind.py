"""
Stands in for systemd-logind, and for the systemd that passes on its signals, on the system bus that the environment names.
Usage: logind.py LONGEST-DELAY-SECONDS SETTINGS-DIRECTORY. `begin` and `cancel` on standard input announce that the machine goes
down, or doesn't after all; standard output tells what it is asked. Behaviour: org.freedesktop.login1(5).
"""
import os
import pathlib
import re
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

MANAGER = 'org.freedesktop.login1.Manager'
SYSTEMD = 'org.freedesktop.systemd1.Manager'


def tell(text):
    print(text, flush=True)


class InProgress(dbus.DBusException):
    _dbus_error_name = 'org.freedesktop.login1.OperationInProgress'


class Logind(dbus.service.Object):
    def __init__(self, bus, delay, settings):
        super().__init__(bus, '/org/freedesktop/login1')
        self.delay = delay
        self.settings = settings
        self.is_going_down = False

    def announce(self, is_going_down):
        self.is_going_down = is_going_down
        self.PrepareForShutdown(is_going_down)

    def reload(self):
        for path in sorted(pathlib.Path(self.settings).glob('*.conf')):
            for seconds in re.findall(r'^InhibitDelayMaxSec=(\d+)$', path.read_text(), re.MULTILINE):
                self.delay = int(seconds)

    @dbus.service.method(MANAGER, in_signature='ssss', out_signature='h')
    def Inhibit(self, what, who, why, mode):
        if self.is_going_down:
            raise InProgress('The operation inhibition has been requested for is already running')
        held, given = os.pipe()
        tell(f'inhibited: {what} {mode} {who}: {why}')

        def released(*_):
            os.close(held)
            tell('released')
            return False

        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, held, GLib.IO_HUP, released)
        # The answer has a copy of its own.
        answer = dbus.types.UnixFd(given)
        os.close(given)
        return answer

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature='ss', out_signature='v')
    def Get(self, _interface, name):
        return {'InhibitDelayMaxUSec': dbus.UInt64(self.delay * 1_000_000), 'PreparingForShutdown': dbus.Boolean(self.is_going_down)}[name]

    @dbus.service.signal(MANAGER, signature='b')
    def PrepareForShutdown(self, is_going_down):
        pass


class Systemd(dbus.service.Object):
    def __init__(self, bus, logind):
        super().__init__(bus, '/org/freedesktop/systemd1')
        self.logind = logind

    @dbus.service.method(SYSTEMD, in_signature='ssi', out_signature='')
    def KillUnit(self, unit, who, signal):
        tell(f'signal {signal} for {who} of {unit}')
        # It takes its time, as signals do.
        GLib.timeout_add(50, self.logind.reload)


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    logind = Logind(bus, int(sys.argv[1]), sys.argv[2])
    systemd = Systemd(bus, logind)
    names = [dbus.service.BusName(name, bus) for name in ('org.freedesktop.login1', 'org.freedesktop.systemd1')]
    loop = GLib.MainLoop()

    def read(*_):
        word = sys.stdin.readline().strip()
        if word == '':
            loop.quit()
            return False
        logind.announce(word == 'begin')
        return True

    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, read)
    tell('ready')
    loop.run()
    del systemd, names


main()
