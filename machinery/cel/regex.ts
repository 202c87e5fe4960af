import { RE2JS, RE2JSException } from 're2js';
import { pattern as patternCost } from './cost.ts';
import { CelError } from './errors.ts';
import type { CallContext, PrepareBudget } from './functions.ts';

/** RE2 patterns: time linear in the text, whatever the pattern. Throws `CelError` for one that is none. */
export function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new CelError(error.message);
  }
}

/**
 * Kubernetes' cost goes by the pattern's length, but repetitions make long programs of short patterns: what that adds is charged while it
 * runs. Units for each instruction: to compile it, and to hold a character against it.
 */
const compiling = 20;
const matching = 0.02;

type Use<R> = (pattern: RE2JS, text: string, ...rest: never[]) => R;

function counted<R>(use: Use<R>, compiled: RE2JS, pattern: string, args: readonly unknown[], { charge }: CallContext): R {
  const [text, , ...rest] = args;
  const known = String(text);
  charge(Math.max(0, known.length * compiled.programSize() * matching - patternCost.before([known, pattern])));
  return use(compiled, known, ...(rest as never[]));
}

/** A function of (text, pattern, …) whose pattern, where it is a constant, is compiled once. */
export function withPattern<R>(use: Use<R>): {
  readonly run: (text: string, pattern: string, ...rest: never[]) => R;
  readonly prepare: (constants: readonly unknown[], budget: PrepareBudget) => ((args: readonly unknown[], context: CallContext) => R) | undefined;
} {
  return {
    run(text, pattern, ...rest) {
      // Evaluation gives its context last.
      const args: readonly unknown[] = [text, pattern, ...rest];
      const context = args.at(-1) as CallContext;
      // A literal has about as many instructions as characters: charged before the work of compiling it.
      context.charge(pattern.length * compiling);
      const compiled = compilePattern(pattern);
      context.charge(Math.max(0, compiled.programSize() - pattern.length) * compiling);
      return counted(use, compiled, pattern, args.slice(0, -1), context);
    },
    prepare([, pattern], budget) {
      if (typeof pattern !== 'string' || budget.instructions <= 0) return undefined;
      const compiled = compilePattern(pattern);
      budget.instructions -= compiled.programSize();
      return (args, context) => counted(use, compiled, pattern, args, context);
    },
  };
}
