import { table, type FunctionTable } from '../functions.ts';
import { addresses } from './addresses.ts';
import { authorizers } from './authorizers.ts';
import { lists, moreLists, sets } from './lists.ts';
import { namedFormats } from './named-formats.ts';
import { operators } from './operators.ts';
import { optionals } from './optionals.ts';
import { quantities } from './quantities.ts';
import { regexes } from './regexes.ts';
import { semvers } from './semvers.ts';
import { standard } from './standard.ts';
import { strings } from './strings.ts';
import { urls } from './urls.ts';

/** Every function that an expression in Kubernetes has ("Common Expression Language in Kubernetes", Kubernetes CEL libraries). */
export const kubernetesLibrary: FunctionTable = table(
  operators, standard, optionals, strings, lists, moreLists, sets, regexes, quantities, urls, addresses, semvers, namedFormats, authorizers,
);
