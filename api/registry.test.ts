import { expect, it } from 'vitest';
import { defineKind } from '../machinery/kinds/kind.ts';
import { createRegistry } from './registry.ts';
import { defineResource } from './resources/define.ts';

const pods = defineResource(defineKind('', 'v1', 'Pod', 'pods'));
const lamps = defineResource(defineKind('light.example', 'v1', 'Lamp', 'lamps'));

it('has the built-in resources, and those of whoever puts some there', () => {
  const registry = createRegistry([pods]);
  const before = registry.resources;
  registry.put('lamps', [lamps]);
  expect(registry.at('light.example', 'v1', 'lamps')).toBe(lamps);
  expect(registry.resources).toEqual([pods, lamps]);
  expect(before).toEqual([pods]);
  registry.put('lamps', []);
  expect(registry.at('light.example', 'v1', 'lamps')).toBeUndefined();
});

it('lets nobody displace what is there', () => {
  const registry = createRegistry([pods]);
  registry.put('other', [{ ...pods }]);
  expect(registry.at('', 'v1', 'pods')).toBe(pods);
  expect(registry.resources).toEqual([pods]);
});

it('tells of every change once', () => {
  const registry = createRegistry([pods]);
  const told: number[] = [];
  const { close } = registry.onChange(() => { told.push(registry.resources.length); });
  registry.put('nobody', []);
  registry.put('lamps', [lamps]);
  registry.put('lamps', []);
  close();
  registry.put('lamps', [lamps]);
  expect(told).toEqual([2, 1]);
});
