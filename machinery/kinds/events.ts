import type { EventsV1Event } from '@kubernetes/client-node';
import { defineKind } from './kind.ts';
import type { Wire } from './wire.ts';

/** The newer form of an Event, events.k8s.io/v1; the older is in `core.ts`. */
export type EventsEvent = Wire<EventsV1Event>;
export const EventsEvent = defineKind<EventsEvent>('events.k8s.io', 'v1', 'Event', 'events');
