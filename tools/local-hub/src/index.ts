export { type LocalHubUser, readUsers } from './auth.js';
export { LocalHubError } from './errors.js';
export type { LocalHubRequest } from './http/listener.js';
export { type LocalHub, type LocalHubOptions, startLocalHub } from './server.js';
