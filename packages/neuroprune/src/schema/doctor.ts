import { z } from 'zod';

/** Says what runs on this machine; takes no options. */
export const DoctorOptions = z.strictObject({});
