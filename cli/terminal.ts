/** What commands say and where: results and progress on standard output, complaints on standard error. */
export interface Terminal {
  line(text: string): void;
  complain(text: string): void;
}

/** What a command is run with; `main.ts` alone reads the process's environment and arguments. */
export interface Invocation {
  readonly terminal: Terminal;
  /** Where the project lies: its `generated/` and `node_modules/`. */
  readonly root: string;
  readonly defaultDataDir: string;
  readonly version: string;
  /** The user's own shell environment, for programs that are run on their behalf. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The program and its arguments, as to be run again. */
  readonly commandLine: readonly string[];
  /** Tells whoever started this process in the background that it is ready. */
  ready(): void;
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}
