import { invalid, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { HorizontalPodAutoscaler } from '../../../../machinery/kinds/autoscaling.ts';
import { pathSegment } from '../../../../machinery/names.ts';
import { named } from '../../checks.ts';

type Reference = NonNullable<HorizontalPodAutoscaler['spec']>['scaleTargetRef'];

/** Source: "CrossVersionObjectReference", autoscaling/v2; wording: Kubernetes' validation. */
export function validateReference(reference: Partial<Reference> | undefined, at: Path): FieldError[] {
  const { kind, name, apiVersion = '' } = reference ?? {};
  const slashes = apiVersion.split('/').length - 1;
  return [
    ...named(at.child('kind'), kind, pathSegment),
    ...named(at.child('name'), name, pathSegment),
    ...(slashes > 1 ? [invalid(at.child('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`)] : []),
  ];
}
