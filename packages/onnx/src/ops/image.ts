import type { OpSpec } from './spec.js';

/** Operators on pictures and on regions of them. */
export const image = {
  AffineGrid: { in: ['theta', 'size'], attrs: { align_corners: 'int' } },
  CenterCropPad: { in: ['x', 'shape'], attrs: { axes: 'ints' } },
  Col2Im: {
    in: ['x', 'image_shape', 'block_shape'],
    attrs: { dilations: 'ints', pads: 'ints', strides: 'ints' },
  },
  DepthToSpace: { in: ['x'], attrs: { blocksize: 'int!', mode: 'string' } },
  GridSample: { in: ['x', 'grid'], attrs: { align_corners: 'int', mode: 'string', padding_mode: 'string' } },
  ImageDecoder: { in: ['encoded_stream'], attrs: { pixel_format: 'string' } },
  MaxRoiPool: { in: ['x', 'rois'], attrs: { pooled_shape: 'ints!', spatial_scale: 'float' } },
  NonMaxSuppression: {
    in: ['boxes', 'scores', 'max_output_boxes_per_class?', 'iou_threshold?', 'score_threshold?'],
    attrs: { center_point_box: 'int' },
  },
  Resize: {
    in: ['x', 'roi?', 'scales?', 'sizes?'],
    attrs: {
      antialias: 'int',
      axes: 'ints',
      coordinate_transformation_mode: 'string',
      cubic_coeff_a: 'float',
      exclude_outside: 'int',
      extrapolation_value: 'float',
      keep_aspect_ratio_policy: 'string',
      mode: 'string',
      nearest_mode: 'string',
    },
  },
  RoiAlign: {
    in: ['x', 'rois', 'batch_indices'],
    attrs: {
      coordinate_transformation_mode: 'string',
      mode: 'string',
      output_height: 'int',
      output_width: 'int',
      sampling_ratio: 'int',
      spatial_scale: 'float',
    },
  },
  SpaceToDepth: { in: ['x'], attrs: { blocksize: 'int!' } },
  Upsample: { in: ['x', 'scales'], attrs: { mode: 'string' } },
} as const satisfies Record<string, OpSpec>;
