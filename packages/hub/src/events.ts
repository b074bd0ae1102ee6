/** Progress of snapshots and pushes; plain JSON, bytes are of the file named. */
export type HubEvent =
  | {
      readonly type: 'snapshot';
      readonly repo: string;
      readonly commit: string;
      readonly files: number;
      readonly bytes: number;
    }
  | {
      readonly type: 'download';
      readonly repo: string;
      readonly path: string;
      readonly bytes: number;
      readonly size: number;
    }
  | { readonly type: 'push'; readonly repo: string; readonly phase: 'prepare' | 'upload' | 'commit' }
  | {
      readonly type: 'upload';
      readonly repo: string;
      readonly path: string;
      readonly part: number;
      readonly parts: number;
    };

/** What every long hub function takes. */
export interface HubRun {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: HubEvent) => void;
}
