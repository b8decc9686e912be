"""Restoring: photos, videos and a camera's images in, images without masks out.

unmasker       the public class: one photo
photo          the steps of one photo: masks, restoring, compositing
batch          files and folders
video, camera  moving images, with face_tracks; camera_view shows a camera's
runtimes       the networks behind one protocol: torch, ONNX Runtime or OpenCV
"""
