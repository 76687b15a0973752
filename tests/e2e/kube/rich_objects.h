/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that have much in them, as JSON: ' stands for ", and @ for an owner's uid. */
#ifndef SLICEGATE_TESTS_E2E_RICH_OBJECTS_H
#define SLICEGATE_TESTS_E2E_RICH_OBJECTS_H

static const char priority_class[] =
    "{'metadata':{'name':'kube-live-low'},'value':-77,'preemptionPolicy':'Never'}";
static const char runtime_class[] =
    "{'metadata':{'name':'kube-live-vm'},'handler':'vm','overhead':{'podFixed':{'cpu':'250m',"
    "'memory':'64Mi'}}}";
static const char owner[] = "{'metadata':{'name':'owner'}}";

#define METADATA(name)                                                                             \
  "'metadata':{'name':'" name "','labels':{'app':'train','empty':'','slicegate.dev/team':'a'},"    \
  "'annotations':{'slicegate.dev/gpu-memory':'10Gi','slicegate.dev/devices':'0,1','note':"         \
  "'a \\'quote\\', a \\\\ and \\u00e4\\n','hami.io/vgpu-devices-allocated':"                       \
  "'GPU-7,NVIDIA,2000,30:;'},'ownerReferences':[{'apiVersion':'v1','kind':'ConfigMap','name':"     \
  "'owner','uid':'@'},{'apiVersion':'v1','kind':'ConfigMap','name':'owner','uid':'@',"             \
  "'controller':true,'blockOwnerDeletion':true}]}"

#define CONTAINERS                                                                                 \
  "'initContainers':[{'name':'first','image':'none','resources':{'requests':{'cpu':'3','memory':"  \
  "'1Gi'},'limits':{'memory':'2Gi'}}},{'name':'beside','image':'none','restartPolicy':'Always',"   \
  "'ports':[{'containerPort':90}],'resources':{'requests':{'cpu':'150m'}}}],"                      \
  "'containers':[{'name':'main','image':'none','env':[{'name':'A','value':'b'}],'ports':["         \
  "{'containerPort':80,'hostPort':8080}],'resources':{'requests':{'cpu':'1500m','memory':'4Gi',"   \
  "'nvidia.com/gpu':'2','ephemeral-storage':'1G'},'limits':{'nvidia.com/gpu':'2','memory':"        \
  "'8Gi'}}},{'name':'other','image':'none','resources':{'limits':{'cpu':'0.5','memory':'1e9'}}}],"

/* It waits: gated, and asks for much of its node. */
static const char waiting[] = "{" METADATA(
    "waiting") ",'spec':{" CONTAINERS "'automountServiceAccountToken':false,'schedulerName':'kube-"
               "live','priorityClassName':"
               "'kube-live-low','runtimeClassName':'kube-live-vm','nodeSelector':{'gpu':'yes','"
               "empty':''},"
               "'activeDeadlineSeconds':3600,"
               "'tolerations':[{'operator':'Exists'},{'key':'a','operator':'Equal','value':'b','"
               "effect':"
               "'NoSchedule'},{'key':'c','operator':'Exists','effect':'NoExecute','"
               "tolerationSeconds':30},"
               "{'key':'d','effect':'PreferNoSchedule'}],"
               "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':"
               "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'zone','operator':'In','values':["
               "'a','',"
               "'b']},{'key':'ssd','operator':'Exists'},{'key':'cores','operator':'Gt','values':['"
               "7']},"
               "{'key':'old','operator':'DoesNotExist'},{'key':'x','operator':'NotIn','values':['y'"
               "]}]},"
               "{'matchFields':[{'key':'metadata.name','operator':'In','values':['kube-live']}]}]},"
               "'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':5,'preference':"
               "{'matchExpressions':[{'key':'p','operator':'Lt','values':['3']}]}}]},"
               "'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey'"
               ":'host',"
               "'labelSelector':{'matchLabels':{'app':'train'}}}]}},"
               "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':"
               "'DoNotSchedule','labelSelector':{'matchLabels':{'app':'train'}}}],"
               "'volumes':[{'name':'h','hostPath':{'path':'/"
               "data'}},{'name':'e','emptyDir':{}},{'name':'p',"
               "'persistentVolumeClaim':{'claimName':'data'}},{'name':'g','ephemeral':{'"
               "volumeClaimTemplate':"
               "{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}"
               "}}}}],"
               "'schedulingGates':[{'name':'slicegate.dev/wait'}],"
               "'resourceClaims':[{'name':'c','resourceClaimName':'claim'}]}}";
static const char waiting_status[] =
    "{'nominatedNodeName':'kube-live','conditions':[{'type':'PodScheduled','status':'False',"
    "'reason':'SchedulingGated','message':'m'}]}";

/* One thing each that the one above has among others. */
#define SMALL(name, metadata, spec)                                                                \
  "{'metadata':{'name':'" name "'" metadata "},'spec':{'automountServiceAccountToken':false,"      \
  "'schedulerName':'kube-live'," spec "}}"
#define ONE_CONTAINER                                                                              \
  "'containers':[{'name':'main','image':'none','resources':{'requests':{'cpu':'1'},'limits':"      \
  "{'aliyun.com/gpu-mem':'4'}}}]"
static const char whole[] = SMALL("whole",
                                  ",'annotations':{'ALIYUN_COM_GPU_MEM_IDX':'1',"
                                  "'ALIYUN_COM_GPU_MEM_POD':'4'}",
                                  "'resources':{'requests':{'cpu':'5','memory':'9Gi'},'limits':"
                                  "{'cpu':'6'}}," ONE_CONTAINER);
static const char rejected[] = SMALL("rejected", "", ONE_CONTAINER);
static const char rejected_status[] =
    "{'conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable'}]}";
static const char claiming[] =
    SMALL("claiming", ",'labels':{'slicegate.dev/gpu-memory':'20Gi'}",
          "'volumes':[{'name':'p','persistentVolumeClaim':{'claimName':'d'}}]," ONE_CONTAINER);
static const char scratch[] =
    SMALL("scratch", "",
          "'volumes':[{'name':'g','ephemeral':{'volumeClaimTemplate':{'spec':{'accessModes':"
          "['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}}}]," ONE_CONTAINER);
static const char on_host[] = SMALL("on-host", "", "'hostNetwork':true," ONE_CONTAINER);
static const char early[] =
    SMALL("early", "",
          "'initContainers':[{'name':'i','image':'none','ports':[{'containerPort':1,'hostPort':"
          "81}]}]," ONE_CONTAINER);
static const char near[] =
    SMALL("near", "",
          "'affinity':{'podAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':"
          "1,'podAffinityTerm':{'topologyKey':'host'}}]}}," ONE_CONTAINER);
static const char with[] =
    SMALL("with", "",
          "'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':"
          "[{'topologyKey':'host'}]}}," ONE_CONTAINER);
static const char apart[] =
    SMALL("apart", "",
          "'affinity':{'podAntiAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':"
          "[{'weight':1,'podAffinityTerm':{'topologyKey':'host'}}]}}," ONE_CONTAINER);
static const char spread[] =
    SMALL("spread", "",
          "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':"
          "'ScheduleAnyway'}]," ONE_CONTAINER);

/* It runs, has less CPU and more memory than it asks for, and is being deleted. */
static const char running[] =
    "{" METADATA("running") ",'spec':{" CONTAINERS
                            "'automountServiceAccountToken':false,'nodeName':'kube-live'}}";
#define STATE(name, more)                                                                          \
  "{'name':'" name "','image':'none','imageID':'','ready':true,'restartCount':0,'state':"          \
  "{'running':{}}" more "}"
#define MAIN                                                                                       \
  STATE("main",                                                                                    \
        ",'allocatedResources':{'cpu':'1250m','memory':'5Gi','nvidia.com/gpu':'2'},'resources':"   \
        "{'requests':{'cpu':'1','memory':'6Gi','nvidia.com/gpu':'2'},'limits':{'memory':'8Gi'}},"  \
        "'allocatedResourcesStatus':[{'name':'nvidia.com/gpu','resources':[{'resourceID':"         \
        "'GPU-1','health':'Healthy'},{'resourceID':'GPU-2','health':'Unknown'}]}]")
#define BESIDE                                                                                     \
  STATE("beside", ",'allocatedResources':{'cpu':'2','memory':'1Mi'},'resources':{'requests':"      \
                  "{'cpu':'1','memory':'2Mi'}}")
#define FIRST STATE("first", "")
#define OTHER STATE("other", "")
static const char running_status[] =
    "{'phase':'Running','conditions':[{'type':'Ready','status':'True'},{'type':"
    "'PodResizePending','status':'True','reason':'Infeasible'}],'initContainerStatuses':[" FIRST
    "," BESIDE "],'containerStatuses':[" MAIN "," OTHER "]}";

/* Of a pod that asks for things as a whole. */
static const char whole_status[] =
    "{'phase':'Running','allocatedResources':{'cpu':'7','memory':'9Gi'},'resources':{'requests':"
    "{'cpu':'5','memory':'10Gi'}}}";

static const char node[] =
    "{'metadata':{'name':'kube-live-rich','labels':{'nvidia.com/gpu.product':'NVIDIA-H100','e':''},"
    "'annotations':{'hami.io/node-handshake':'Reported 2026','hami.io/device-cordon':'GPU-9',"
    "'hami.io/node-nvidia-register':'GPU-8,10,81559,100,NVIDIA-H100,0,true,0,hami-core:'}},'spec':"
    "{'unschedulable':true,'podCIDR':'10.9.0.0/24','taints':[{'key':'a','value':'b','effect':"
    "'NoSchedule'},{'key':'c','effect':'NoExecute'},{'key':'d','effect':'PreferNoSchedule'}]}}";
static const char node_status[] =
    "{'capacity':{'cpu':'64','memory':'512Gi','nvidia.com/gpu':'8'},'allocatable':{'cpu':'63500m',"
    "'memory':'500Gi','nvidia.com/gpu':'8','pods':'110'},'conditions':[{'type':'Ready','status':"
    "'True'}],'images':[{'names':['registry/image:1'],'sizeBytes':1000}]}";
static const char tenant[] =
    "{'metadata':{'name':'kube-live-tenant','labels':{'team':'a','empty':''},'annotations':"
    "{'a':'b'}}}";

#endif
