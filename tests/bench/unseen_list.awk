# SPDX-License-Identifier: Apache-2.0
# Makes a pod list that nobody has seen out of one that everybody knows:
#
#   awk -v seed=1 -v kind=sizes -v nodes=nodes.csv -f unseen_list.awk pods.csv
#
#   resample   as many pods, drawn with replacement
#   mix        every kind of pod is up to four times as frequent, or as rare
#   sizes      every size of a GPU part becomes another, 0.5 to 1.5 times as large
#   parts      GPU parts twice as frequent, whole GPUs half as frequent
#   hosts      every pod gets other CPU and memory, 0.5 to 1.5 times as much: hundreds of kinds
#   models     every third pod with a GPU names one or two GPU models: hundreds of kinds
#   gangs      pods with several GPUs are four times as frequent
#   idle       pods without a GPU are twice as frequent
#
# Equal arguments give equal lists with every awk: the generator is written out (Park and
# Miller's, whose products stay exact in doubles).

function random() {
  state = (state * 16807) % 2147483647
  return state / 2147483647
}

# A factor from 1/by to by, as often below 1 as above; the same for all that share the key.
function factor_of(key, by) {
  if (!(key in drawn)) drawn[key] = exp((2 * random() - 1) * log(by))
  return drawn[key]
}

function share_of(key) {
  if (!(key in drawn)) drawn[key] = 0.5 + random()
  return drawn[key]
}

function rounded(value, step) {
  value = int(value / step + 0.5) * step
  return value < step ? step : value
}

# The model of a GPU drawn among all of the cluster.
function some_model(  at, m) {
  at = random() * gpus_in_all
  for (m = 1; m < models && at >= model_gpus[m]; m++) at -= model_gpus[m]
  return model_name[m]
}

function emit(row, gpus, milli, times, first, second, line, i) {
  split(rows[row], field, ",")
  gpus = field[column["num_gpu"]]
  milli = field[column["gpu_milli"]]
  if (kind == "sizes" && gpus == 1 && milli < 1000) {
    milli = rounded(milli * share_of(milli), 10)
    field[column["gpu_milli"]] = milli > 1000 ? 1000 : milli
  }
  if (kind == "hosts") {
    times = 0.5 + int(random() * 5) / 4
    field[column["cpu_milli"]] = rounded(field[column["cpu_milli"]] * times, 100)
    field[column["memory_mib"]] = rounded(field[column["memory_mib"]] * times, 64)
  }
  if (kind == "models" && gpus > 0 && random() < 1 / 3) {
    first = some_model()
    second = some_model()
    field[column["gpu_spec"]] = first < second ? first "|" second : first
  }
  field[column["name"]] = sprintf("%s-%d", field[column["name"]], ++count)
  line = field[1]
  for (i = 2; i <= columns; i++) line = line "," field[i]
  print line
}

function read_models(  row, place, n, header) {
  while ((getline row < nodes) > 0) {
    sub(/\r$/, "", row)
    n = split(row, field, ",")
    if (!header) {
      for (; n > 0; n--) place[field[n]] = n
      header = 1
    } else if (field[place["gpu"]] > 0) {
      if (!(field[place["model"]] in model_of)) {
        model_of[field[place["model"]]] = ++models
        model_name[models] = field[place["model"]]
      }
      model_gpus[model_of[field[place["model"]]]] += field[place["gpu"]]
      gpus_in_all += field[place["gpu"]]
    }
  }
}

NR == 1 {
  sub(/\r$/, "")
  columns = split($0, names, ",")
  for (i = 1; i <= columns; i++) column[names[i]] = i
  print
  next
}

{ sub(/\r$/, ""); rows[++n] = $0 }

END {
  state = (seed * 48271 + 12345) % 2147483647
  for (i = 0; i < 20; i++) random()
  if (kind == "models") read_models()
  for (r = 1; r <= n; r++) {
    row = r
    times = 1
    if (kind == "resample") row = 1 + int(random() * n)
    split(rows[row], field, ",")
    gpus = field[column["num_gpu"]]
    milli = field[column["gpu_milli"]]
    if (kind == "mix")
      times = factor_of(field[column["cpu_milli"]] " " field[column["memory_mib"]] " " gpus " " \
                        milli " " field[column["gpu_spec"]], 4)
    if (kind == "parts" && gpus == 1) times = milli < 1000 ? 2 : 0.5
    if (kind == "gangs" && gpus > 1) times = 4
    if (kind == "idle" && gpus == 0) times = 2
    times = int(times + random())
    for (t = 0; t < times; t++) emit(row)
  }
}
