/** A Secret that holds a lasting token of a ServiceAccount. Source: "Secrets", ServiceAccount token Secrets. */

export const accountTokenType = 'kubernetes.io/service-account-token';
/** The annotation by which its author names the account. */
export const accountNameAnnotation = 'kubernetes.io/service-account.name';
/** The annotation that says which account of that name it is. */
export const accountUidAnnotation = 'kubernetes.io/service-account.uid';
