/** Ways to prove who connects: each makes a function for the option `prepare` of `openSocket`. */
export {
  bearer,
  type HmacOptions,
  hmac,
  type SignedHandshake,
  type TokenGiver,
  type TokenPlace,
} from './auth.js'
export { type CookieLoginOptions, cookieLogin } from './cookie-login.js'
export { type OAuth2Options, oauth2 } from './oauth2.js'
export type { Preparation, Prepare, PreparedAttempt } from './prepare.js'
export type { Token } from './token-source.js'
