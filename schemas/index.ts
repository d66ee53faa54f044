export * from './event-schemas.js'
export type * from './events.js'
