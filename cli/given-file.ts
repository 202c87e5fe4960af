/** Files that users name on the command line. */
import { readFile } from 'node:fs/promises';
import { ConfigurationFileError } from '../api/configuration-file.ts';
import { CommandFailure } from './failure.ts';

export async function readGiven(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandFailure(`cannot read ${file}`, { cause: error });
  });
}

/** What `read` makes of the file. That it is not a good one is the user's to mend: the failure says where in which file. */
export async function readConfiguration<T>(file: string, read: (text: string) => T): Promise<T> {
  const text = await readGiven(file);
  try {
    return read(text);
  } catch (error) {
    if (error instanceof ConfigurationFileError) throw new CommandFailure(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
