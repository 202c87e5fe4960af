import { Binding } from '../../../machinery/kinds/core.ts';
import { defineResource } from '../define.ts';

/** Carried out, never stored. Source: "Binding", core/v1. */
export const binding = defineResource(Binding, { stored: false });
