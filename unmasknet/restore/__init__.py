"""Take masks off: photos, videos and a camera's pictures in, restored ones out.

    photos      unmasker: faces -> photo: clean, paste; run: inputs, marks, strip
    moving      follow, video, camera, screen
    networks    networks: torch_networks, onnx_networks
"""
