"""Restoring by other photos of the same person, which show what the mask covers.

references     loads the photos and refuses those that cannot serve
same_person    checks by a face network that they show the person of the masked photo
selection      chooses the best of several for a masked face
mesh_finder    finds the mesh of the masked face on the network's result
shape          poses a reference's mesh onto the masked face
texture        warps the reference by the two meshes
light          gives the texture the light and the colours of the masked photo
painter        these steps for one masked face
"""
