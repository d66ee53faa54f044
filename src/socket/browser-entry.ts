export { type BrowserSocketOptions, type BrowserWithProtocol, openSocket } from './browser.js'
export * from './shared-entry.js'
