import type { EngineCommand, EngineEvent } from './engineMessages';

/** Hears what comes from the engine. */
export interface EngineListener {
  readonly received: (event: EngineEvent) => void;
  /** No event follows. @param error absent when the engine ended in order */
  readonly ended: (error?: Error) => void;
}

/** Where the engine works, as the host reaches it: which one depends on the driver. */
export interface EnginePlace {
  /** To be called once, right after the place was made: no event is lost then. */
  listen(listener: EngineListener): void;
  send(command: EngineCommand): void;
  /** Ends the engine, also when the mount is still there: who uses it then gets ENOTCONN. */
  stop(): void;
}
