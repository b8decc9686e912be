"""Take masks off: photos, videos and a camera's pictures in, restored ones out.

Photos go by `unmasker` (faces, then `photo`: `clean`, `paste`), files by `run`; what moves by `follow` and `video`, a
camera by `camera` and `screen`. The networks stand behind `networks`, by torch or by ONNX.
"""
