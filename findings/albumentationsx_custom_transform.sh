#!/usr/bin/env bash
# AlbumentationsX: a transform of one's own, written for Albumentations, is refused when its class is defined.
#
# Guess before the run: AlbumentationsX is the successor of Albumentations and is imported by the same name, so a subclass
# of `ImageOnlyTransform` that draws its parameters in `get_params_dependent_on_data`, as the documents of Albumentations
# 2.0.8 teach it, runs in both.
# Seen with albumentations 2.0.8 and albumentationsx 2.5.1: it runs in the first. The second ends the import of the module
# that defines it with a TypeError: parameters are now drawn in `sample_parameters`, which returns an object of another
# class, and the first never calls that. A transform for both must define one of the two methods, depending on what the
# base class has.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/own.py" <<'PYTHON'
import albumentations as A
import numpy as np

print("albumentations", A.__version__, "has sample_parameters:", hasattr(A.ImageOnlyTransform, "sample_parameters"))


class Brighten(A.ImageOnlyTransform):
    def apply(self, img, amount=0, **params):
        return img + np.uint8(amount)

    def get_params_dependent_on_data(self, params, data):
        return {"amount": 10}


print("brightened by", A.Compose([Brighten(p=1)])(image=np.zeros((8, 8, 3), np.uint8))["image"].max())
PYTHON
for package in albumentations==2.0.8 "albumentationsx==2.5.1 torch==2.13.0"; do
    name=${package%%=*}
    python3 -m venv "$folder/$name"
    # shellcheck disable=SC2086
    "$folder/$name/bin/python" -m pip install --disable-pip-version-check -q $package opencv-python-headless==5.0.0.93
    "$folder/$name/bin/python" -c "import albumentations, numpy"
done
trap - ERR
for name in albumentations albumentationsx; do
    status=0
    NO_ALBUMENTATIONS_UPDATE=1 "$folder/$name/bin/python" "$folder/own.py" > "$folder/$name.txt" 2>&1 || status=$?
    grep -E "^albumentations |^brightened|^TypeError" "$folder/$name.txt"
    echo "$name: exit status $status"
done
grep -q "^brightened by 10" "$folder/albumentations.txt"
grep -q "^TypeError.*get_params_dependent_on_data" "$folder/albumentationsx.txt"
