export * from './decimal.js'
export * from './decoder.js'
export { type LosslessValue, readLossless } from './lossless.js'
export * from './time.js'
