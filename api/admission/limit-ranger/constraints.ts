import type { LimitRangeItem } from '../../../machinery/kinds/core.ts';
import { canonical, compare, parseQuantity, zero, type Quantity } from '../../../machinery/quantity.ts';

/** Amounts by resource, each as it is written, too. */
export type Amounts = ReadonlyMap<string, { readonly quantity: Quantity; readonly text: string }>;

/** What of an item's bounds is not kept. `limits` undefined: only requests are bounded (claims). Source: "Limit ranges: constraints on resource limits and requests". */
export function limitFaults(item: LimitRangeItem, requests: Amounts, limits: Amounts | undefined): string[] {
  return [
    ...bounds(item.min).flatMap(([name, least, text]) => {
      const [request, limit] = [requests.get(name), limits?.get(name)];
      const rule = `minimum ${name} usage per ${item.type} is ${text}`;
      if (request === undefined) return [`${rule}.  No request is specified`];
      if (compare(request.quantity, least) < 0) return [`${rule}, but request is ${request.text}`];
      return limit !== undefined && compare(limit.quantity, least) < 0 ? [`${rule}, but limit is ${limit.text}`] : [];
    }),
    ...bounds(item.max).flatMap(([name, most, text]) => {
      const [request, limit] = [requests.get(name), limits?.get(name)];
      const rule = `maximum ${name} usage per ${item.type} is ${text}`;
      if (limits === undefined && request === undefined) return [`${rule}.  No request is specified`];
      if (limits !== undefined && limit === undefined) return [`${rule}.  No limit is specified`];
      if (limit !== undefined && compare(limit.quantity, most) > 0) return [`${rule}, but limit is ${limit.text}`];
      return request !== undefined && compare(request.quantity, most) > 0 ? [`${rule}, but request is ${request.text}`] : [];
    }),
    ...bounds(item.maxLimitRequestRatio).flatMap(([name, most, text]) => {
      const [request, limit] = [requests.get(name), limits?.get(name)];
      const rule = `${name} max limit to request ratio per ${item.type} is ${text}`;
      if (request === undefined || compare(request.quantity, zero) === 0) return [`${rule}, but no request is specified or request is 0`];
      if (limit === undefined || compare(limit.quantity, zero) === 0) return [`${rule}, but no limit is specified or limit is 0`];
      const ratio = Number(limit.quantity.nanos) / Number(request.quantity.nanos);
      return ratio > Number(most.nanos) / 1e9 ? [`${rule}, but provided ratio is ${ratio.toFixed(6)}`] : [];
    }),
  ];
}

function bounds(texts: Readonly<Record<string, string>> | undefined): [name: string, bound: Quantity, text: string][] {
  return Object.entries(texts ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => [name, parseQuantity(text) ?? zero, canonical(text) ?? text]);
}
