import { RE2JS, RE2JSSyntaxException } from 're2js';
import { CelError } from './errors.ts';

/** RE2 patterns: time linear in the text, whatever the pattern. Throws `CelError` for one that is none. */
export function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new CelError(error.message);
  }
}

/** A function of (text, pattern, …) whose pattern, where it is a constant, is compiled once. */
export function withPattern<R>(use: (pattern: RE2JS, text: string, ...rest: never[]) => R): {
  readonly run: (text: string, pattern: string, ...rest: never[]) => R;
  readonly prepare: (constants: readonly unknown[]) => ((args: readonly unknown[]) => R) | undefined;
} {
  return {
    run: (text, pattern, ...rest) => use(compilePattern(pattern), text, ...rest),
    prepare: ([, pattern]) => {
      if (typeof pattern !== 'string') return undefined;
      const compiled = compilePattern(pattern);
      return ([text, , ...rest]) => use(compiled, String(text), ...(rest as never[]));
    },
  };
}
