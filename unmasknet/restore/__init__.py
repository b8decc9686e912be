"""Restoration of photos, videos and camera images: masks are removed and the hidden parts of faces generated.

unmasker       the public class, for one photo
photo          the steps for one photo: find masks, restore, composite
batch          `unmask run`: files and folders
video, camera  frame sequences; face_tracks tracks the faces, camera_view displays a camera's images
runtimes       the networks behind one protocol: torch, ONNX Runtime or OpenCV
"""
