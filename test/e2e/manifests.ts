import type { Container, PodSpec } from '../../machinery/kinds/core.ts';
import { webImage } from './coracle.ts';

/** Objects that tests apply: small, quick to end, and ready for what a test adds. */
export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
  /** Of the one container, `main`. */
  readonly container?: Partial<Container>;
}

/** A shell script as a container's command. */
export function script(text: string): Pick<Container, 'command'> {
  return { command: ['sh', '-c', text] };
}

/** A shell that ends when it is told to, and can be told from others by `mark`. */
export function lasting(mark: string): Pick<Container, 'command'> {
  return script(`: ${mark}; trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done`);
}

/** Serves HTTP on 8080, as the image's own command does. */
export function pod(name: string, options: PodOptions = {}) {
  return { apiVersion: 'v1', kind: 'Pod', ...template(options), metadata: { name, labels: options.labels, annotations: options.annotations } };
}

function template({ labels, annotations, spec, container }: PodOptions) {
  return {
    metadata: { labels, annotations },
    // Processes that ignore SIGTERM are killed after a second rather than after thirty.
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: webImage, ...container }], ...spec },
  };
}

export interface DeploymentOptions extends PodOptions {
  readonly replicas?: number;
  readonly strategy?: object;
  readonly deployment?: object;
}

/** Its pods carry the label `app: <name>`. */
export function deployment(name: string, options: DeploymentOptions = {}) {
  const labels = { app: name };
  const { replicas = 1, strategy, deployment: more } = options;
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels },
    spec: { replicas, selector: { matchLabels: labels }, strategy, template: template({ ...options, labels: { ...labels, ...options.labels } }), ...more },
  };
}

export interface SetOptions extends PodOptions {
  /** Further fields of its spec. */
  readonly set?: object;
}

/** Its pods carry the label `app: <name>`. */
export function statefulSet(name: string, { set, ...options }: SetOptions = {}) {
  return ofPods('StatefulSet', name, options, { serviceName: name, ...set });
}

/** Its pods carry the label `app: <name>`. */
export function daemonSet(name: string, { set, ...options }: SetOptions = {}) {
  return ofPods('DaemonSet', name, options, { ...set });
}

function ofPods(kind: string, name: string, options: PodOptions, spec: object) {
  const labels = { app: name };
  return { apiVersion: 'apps/v1', kind, metadata: { name, labels }, spec: { selector: { matchLabels: labels }, template: template({ ...options, labels: { ...labels, ...options.labels } }), ...spec } };
}
