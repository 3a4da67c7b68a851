/**
 * For what Pulumi is not to wait for, which it would for ten minutes at most: a claim that binds with its first
 * pod, a Service whose pods still pull their models, an Ingress whose controller tells no address. The sets that
 * they belong to are waited for, as long as it takes.
 */
export const NOT_AWAITED = { 'pulumi.com/skipAwait': 'true' }
