COPY tools/ /kit/tools/
COPY wheels/ /kit/wheels/
COPY requirements/python-@PYTHON@.txt /kit/requirements.txt
# pip runs out of its own wheel; only the kit's wheels are looked at, each checked by its hash.
RUN python -m venv --without-pip /opt/hygeia \
 && /opt/hygeia/bin/python /kit/tools/pip-*.whl/pip --isolated install -q --no-index --no-deps --no-cache-dir \
      --find-links /kit/wheels --require-hashes -r /kit/requirements.txt
