import type { DefineCommand } from './command.ts';
import { agent } from './agent.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { image } from './image.ts';
import { kubectl } from './kubectl.ts';
import { server } from './server.ts';
import { up } from './up.ts';
import { version } from './version.ts';

/** In the order that help shows. */
export const commands: readonly DefineCommand[] = [up, down, server, agent, image, kubectl, doctor, version];
