import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, type Started } from '../e2e/command.ts';

/** A login manager on a system bus of its own, to which systemd's programs are led by `env`: the machine's own is not touched. */
export interface TestLogind extends AsyncDisposable {
  readonly env: Readonly<Record<'DBUS_SYSTEM_BUS_ADDRESS', string>>;
  /** What raises its longest delay. */
  readonly settings: string;
  /** Announces that the machine goes down, or that it doesn't after all. */
  announce(isGoingDown: boolean): void;
  /** What it tells next that matches: `inhibited: …`, `released`, `signal …`. */
  told(pattern: RegExp): Promise<string>;
  /** All that it has told so far. */
  output(): string;
}

const everything = '<allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>';

/** `delaySeconds`: how long it waits at most unless its settings say otherwise. */
export async function startLogind(delaySeconds: number): Promise<TestLogind> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-logind-'));
  const settings = join(directory, 'logind.conf.d');
  const address = `unix:path=${join(directory, 'bus')}`;
  const env = { DBUS_SYSTEM_BUS_ADDRESS: address };
  const started: Started[] = [];
  const stop = async (): Promise<void> => {
    for (const each of started.toReversed()) await each[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await mkdir(settings);
    await writeFile(join(directory, 'bus.conf'), `<busconfig><type>system</type><listen>${address}</listen><policy context="default">${everything}</policy></busconfig>`);
    const bus = start('dbus-daemon', [`--config-file=${join(directory, 'bus.conf')}`, '--nofork', '--print-address=1']);
    started.push(bus);
    await bus.until(/^unix:/m);
    const logind = start('/usr/bin/python3', [join(import.meta.dirname, 'logind.py'), String(delaySeconds), settings], { env, interactive: true });
    started.push(logind);
    await logind.until(/^ready$/m);
    return {
      env, settings: join(settings, '99-coracle.conf'), output: () => logind.output(),
      announce: (isGoingDown) => logind.write(isGoingDown ? 'begin\n' : 'cancel\n'),
      told: async (pattern) => (await logind.until(pattern))[0],
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
