import type { Route } from '../http/router.js';
import { validateYaml, whoAmI } from './account.js';
import { complete, download, putObject, putPart } from './blobs.js';
import { commit } from './commit.js';
import { raw, resolve } from './files.js';
import { info } from './info.js';
import { batch, verify } from './lfs.js';
import { commits, createBranch, createTag, deleteBranch, deleteTag, refs } from './refs.js';
import { create, list, remove } from './repos.js';
import { pathsInfo, tree } from './tree.js';
import { preupload } from './upload.js';

/** Addresses of the Hub. */
export const hubRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/whoami-v2', run: whoAmI },
  { method: 'POST', path: '/api/validate-yaml', run: validateYaml },
  { method: 'POST', path: '/api/repos/create', run: create },
  { method: 'DELETE', path: '/api/repos/delete', run: remove },
  { method: 'GET', path: '/api/{types}', run: list },

  { method: 'GET', path: '{api}', access: 'read', run: info },
  { method: 'GET', path: '{api}/revision/{*revision}', access: 'read', run: info },
  { method: 'GET', path: '{api}/tree/{*rest}', access: 'read', run: tree },
  { method: 'POST', path: '{api}/paths-info/{*revision}', access: 'read', run: pathsInfo },
  { method: 'GET', path: '{api}/refs', access: 'read', run: refs },
  { method: 'GET', path: '{api}/commits/{*rest}', access: 'read', run: commits },
  { method: 'GET', path: '{repo}/resolve/{*rest}', access: 'read', run: resolve },
  { method: 'GET', path: '{repo}/raw/{*rest}', access: 'read', run: raw },

  { method: 'POST', path: '{api}/branch/{*rest}', access: 'write', run: createBranch },
  { method: 'DELETE', path: '{api}/branch/{*rest}', access: 'write', run: deleteBranch },
  { method: 'POST', path: '{api}/tag/{*rest}', access: 'write', run: createTag },
  { method: 'DELETE', path: '{api}/tag/{*rest}', access: 'write', run: deleteTag },
  { method: 'POST', path: '{api}/preupload/{*rest}', access: 'write', run: preupload },
  { method: 'POST', path: '{repo}.git/info/lfs/objects/batch', access: 'write', run: batch },
  { method: 'POST', path: '{repo}.git/info/lfs/objects/verify', access: 'write', run: verify },
  { method: 'POST', path: '{api}/commit/{*rest}', access: 'write', run: commit },
];

/** Addresses of the second port, which serves and takes bytes to signed addresses without a token. */
export const blobRoutes: readonly Route[] = [
  { method: 'GET', path: '/blobs/{oid}', run: download },
  { method: 'PUT', path: '/objects/{oid}', run: putObject },
  { method: 'PUT', path: '/parts/{oid}/{part}', run: putPart },
  { method: 'POST', path: '/complete/{oid}', run: complete },
];
